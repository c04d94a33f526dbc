CREATE TYPE "store_access_state" AS ENUM ('ACTIVE', 'BLOCKED', 'DELETED');

CREATE TABLE "events" (
    "store_id" INTEGER NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "user_id" VARCHAR(128) NOT NULL,
    "type" VARCHAR(128) NOT NULL,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "events_pkey" PRIMARY KEY ("store_id", "occurred_at", "id")
) PARTITION BY RANGE ("occurred_at");
CREATE INDEX "events_store_id_user_id_occurred_at_id_idx" ON "events" ("store_id", "user_id", "occurred_at", "id");
CREATE TABLE "events_default" PARTITION OF "events" DEFAULT;
-- Ids stay exact in JSON numbers. Those of different connections are not ordered by time; nothing relies on it.
ALTER SEQUENCE "events_id_seq" MAXVALUE 9007199254740991;

CREATE TABLE "type_day_totals" (
    "store_id" INTEGER NOT NULL,
    "type" VARCHAR(128) NOT NULL,
    "day" DATE NOT NULL,
    "events" BIGINT NOT NULL,
    "users" BIGINT NOT NULL,
    CONSTRAINT "type_day_totals_pkey" PRIMARY KEY ("store_id", "type", "day")
) WITH (fillfactor = 70);

CREATE TABLE "day_totals" (
    "store_id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "events" BIGINT NOT NULL,
    "users" BIGINT NOT NULL,
    CONSTRAINT "day_totals_pkey" PRIMARY KEY ("store_id", "day")
) WITH (fillfactor = 70);

CREATE TABLE "user_type_days" (
    "store_id" INTEGER NOT NULL,
    "type" VARCHAR(128) NOT NULL,
    "day" DATE NOT NULL,
    "user_id" VARCHAR(128) NOT NULL,
    "events" BIGINT NOT NULL,
    CONSTRAINT "user_type_days_pkey" PRIMARY KEY ("store_id", "type", "day", "user_id")
) PARTITION BY RANGE ("day");
CREATE TABLE "user_type_days_default" PARTITION OF "user_type_days" DEFAULT;

CREATE TABLE "user_days" (
    "store_id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "user_id" VARCHAR(128) NOT NULL,
    "events" BIGINT NOT NULL,
    CONSTRAINT "user_days_pkey" PRIMARY KEY ("store_id", "day", "user_id")
) PARTITION BY RANGE ("day");
CREATE TABLE "user_days_default" PARTITION OF "user_days" DEFAULT;

CREATE TABLE "idempotency_keys" (
    "store_id" INTEGER NOT NULL,
    "key" VARCHAR(255) NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "event_id" BIGINT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("store_id", "key")
);
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" ("created_at");

CREATE TABLE "store_access" (
    "store_id" INTEGER NOT NULL,
    "state" "store_access_state" NOT NULL,
    "command_id" BIGINT NOT NULL,
    CONSTRAINT "store_access_pkey" PRIMARY KEY ("store_id")
);

CREATE TABLE "revoked_keys" (
    "store_id" INTEGER NOT NULL,
    "key_id" UUID NOT NULL,
    "revoked_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "revoked_keys_pkey" PRIMARY KEY ("store_id", "key_id")
);

CREATE TABLE "erased_users" (
    "store_id" INTEGER NOT NULL,
    "user_id" VARCHAR(128) NOT NULL,
    "erased_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "erased_users_pkey" PRIMARY KEY ("store_id", "user_id")
);

CREATE TABLE "erasures" (
    "store_id" INTEGER NOT NULL,
    "command_id" BIGINT NOT NULL,
    "events_deleted" BIGINT NOT NULL DEFAULT 0,
    "finished_at" TIMESTAMPTZ(3),
    CONSTRAINT "erasures_pkey" PRIMARY KEY ("store_id", "command_id")
);

-- The serving role cannot alter the schema. It may ask for the partitions of one month, nothing else.
-- The search path is pinned: a definer's function must not resolve names by its caller's.
CREATE FUNCTION "ensure_month"("month" DATE) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    "first" DATE := date_trunc('month', "month"::TIMESTAMP)::DATE;
    "next" DATE := (date_trunc('month', "month"::TIMESTAMP) + INTERVAL '1 month')::DATE;
    "suffix" TEXT := to_char("month", '"_y"YYYY"m"MM');
BEGIN
    IF to_regclass('user_days' || "suffix") IS NOT NULL THEN
        RETURN;
    END IF;
    -- Several replicas may want the same month at once.
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'));
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %I PARTITION OF "events" FOR VALUES FROM (%L) TO (%L)',
        'events' || "suffix", "first" || ' 00:00:00+00', "next" || ' 00:00:00+00'
    );
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %I PARTITION OF "user_type_days" FOR VALUES FROM (%L) TO (%L)',
        'user_type_days' || "suffix", "first", "next"
    );
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %I PARTITION OF "user_days" FOR VALUES FROM (%L) TO (%L)',
        'user_days' || "suffix", "first", "next"
    );
END
$$;
