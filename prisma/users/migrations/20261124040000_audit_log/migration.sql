-- Who did what to which record, and which personal data admins have read.
CREATE TABLE "audit_log" (
    "store_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "request_id" VARCHAR(64) NOT NULL,
    "actor_role" VARCHAR(16) NOT NULL,
    "actor_key_id" UUID,
    "actor_store_id" INTEGER,
    "action" VARCHAR(64) NOT NULL,
    "record_ids" TEXT[] NOT NULL,
    "record_count" BIGINT NOT NULL,
    "fields" TEXT[] NOT NULL,
    CONSTRAINT "audit_log_pkey" PRIMARY KEY ("store_id", "at", "id")
);
CREATE INDEX "audit_log_at_id_idx" ON "audit_log" ("at", "id");
CREATE INDEX "audit_log_actor_key_id_at_id_idx" ON "audit_log" ("actor_key_id", "at", "id");
CREATE INDEX "audit_log_record_ids_idx" ON "audit_log" USING GIN ("record_ids");
ALTER SEQUENCE "audit_log_id_seq" MAXVALUE 9007199254740991;

-- Append-only for all but the owner, from this transaction on: what default privileges gave is taken back.
COMMENT ON TABLE "audit_log" IS 'Who did what to which record; store 0 stands for none. Serving: select, insert';
DO $$
DECLARE
    "grantee" OID;
BEGIN
    FOR "grantee" IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = '"audit_log"'::REGCLASS AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON "audit_log" FROM %s', "grantee"::REGROLE);
    END LOOP;
END
$$;
