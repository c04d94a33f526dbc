CREATE TYPE "erasure_subject" AS ENUM ('USER', 'VISITOR', 'STORE');
CREATE TYPE "erasure_events" AS ENUM ('ERASE', 'ANONYMISE', 'KEEP');
CREATE TYPE "erasure_state" AS ENUM ('PENDING', 'RUNNING', 'DONE');

CREATE TABLE "erasures" (
    "store_id" INTEGER NOT NULL,
    "id" UUID NOT NULL,
    "subject" "erasure_subject" NOT NULL,
    "subject_id" VARCHAR(128) NOT NULL,
    "events" "erasure_events" NOT NULL,
    "state" "erasure_state" NOT NULL,
    "command_id" BIGINT,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "reported_at" TIMESTAMPTZ(3),
    "users_deleted" INTEGER NOT NULL DEFAULT 0,
    "events_total" BIGINT,
    "events_deleted" BIGINT NOT NULL DEFAULT 0,
    "events_anonymised" BIGINT NOT NULL DEFAULT 0,
    "erased_rows" JSONB NOT NULL DEFAULT '{}',
    "receipt" TEXT,
    CONSTRAINT "erasures_pkey" PRIMARY KEY ("store_id", "id")
);
CREATE UNIQUE INDEX "erasures_store_id_subject_subject_id_key" ON "erasures" ("store_id", "subject", "subject_id");
CREATE UNIQUE INDEX "erasures_store_id_command_id_key" ON "erasures" ("store_id", "command_id");
CREATE INDEX "erasures_id_idx" ON "erasures" ("id");
COMMENT ON TABLE "erasures" IS 'What was erased, kept for good. Serving: select, insert, update';

CREATE TABLE "receipt_keys" (
    "kid" VARCHAR(64) NOT NULL,
    "public_key" TEXT NOT NULL,
    "private_key" BYTEA NOT NULL,
    "master_key_id" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),
    CONSTRAINT "receipt_keys_pkey" PRIMARY KEY ("kid")
);
COMMENT ON TABLE "receipt_keys" IS 'Keys of erasure receipts, published for ever. Serving: select, insert, update';

ALTER TABLE "outbox"
    ADD COLUMN "refusals" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "last_error" VARCHAR(64),
    ADD COLUMN "set_aside_until" TIMESTAMPTZ(3);

-- Erasures from before there was a record of them, those that are not done included.
INSERT INTO "erasures" (
    "store_id", "id", "subject", "subject_id", "events", "state", "command_id", "requested_at", "finished_at",
    "reported_at", "users_deleted", "events_deleted"
)
SELECT
    "store_id", gen_random_uuid(),
    (CASE "kind" WHEN 'ERASE_USER' THEN 'USER' ELSE 'STORE' END)::"erasure_subject",
    COALESCE("payload"->>'userId', ''), 'ERASE',
    (CASE WHEN "delivered_at" IS NULL THEN 'PENDING' ELSE 'DONE' END)::"erasure_state",
    "id", "created_at", "delivered_at", "delivered_at",
    CASE "kind" WHEN 'ERASE_USER' THEN 1 ELSE COALESCE(("result"->>'usersDeleted')::INTEGER, 0) END,
    COALESCE(("result"->>'eventsDeleted')::BIGINT, 0)
FROM "outbox" WHERE "kind" IN ('ERASE_USER', 'DELETE_STORE')
ON CONFLICT DO NOTHING;
