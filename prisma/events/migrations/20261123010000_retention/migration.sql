CREATE TABLE "retention" (
    "store_id" INTEGER NOT NULL,
    "raw_from" DATE NOT NULL,
    CONSTRAINT "retention_pkey" PRIMARY KEY ("store_id")
);
COMMENT ON TABLE "retention" IS 'From which day on raw events are kept; store 0 stands for all. Serving: select, insert, update';

CREATE TABLE "store_settings" (
    "store_id" INTEGER NOT NULL,
    "retention_days" INTEGER,
    "command_id" BIGINT NOT NULL,
    CONSTRAINT "store_settings_pkey" PRIMARY KEY ("store_id")
);

-- As before, but a month whose raw events are gone is not made again.
CREATE OR REPLACE FUNCTION "ensure_month"("month" DATE) RETURNS VOID
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
    IF EXISTS (SELECT FROM "retention" WHERE "store_id" = 0 AND "raw_from" > "first") THEN
        RETURN;
    END IF;
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

-- Drops the months of raw events and of user rows that end by a day, and records from when on they are kept.
-- Answers how many months of raw events went. The serving role may call this; it cannot drop tables by itself.
-- It gives up soon rather than make readers and writers wait behind it, and before anybody looks for a deadlock.
CREATE FUNCTION "drop_months"("older_than" DATE) RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '750ms' AS $$
DECLARE
    "keep_from" DATE := date_trunc('month', "older_than"::TIMESTAMP)::DATE;
    "keep_from_instant" TIMESTAMPTZ := "keep_from"::TIMESTAMP AT TIME ZONE 'UTC';
    "dropped" INTEGER := 0;
    "child" RECORD;
BEGIN
    -- A service whose clock runs ahead must not cost data: by this server's clock the day has to have come, too.
    IF "older_than" IS NULL OR "older_than" > (now() AT TIME ZONE 'UTC')::DATE THEN
        RAISE EXCEPTION 'drop_months: % has not come yet', "older_than" USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM "retention" WHERE "store_id" = 0 AND "raw_from" >= "keep_from") THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'));
    -- Writers share this lock: none that judged its events before is still to write them.
    PERFORM pg_advisory_xact_lock(7301, 0);
    INSERT INTO "retention" AS r ("store_id", "raw_from") VALUES (0, "keep_from")
    ON CONFLICT ("store_id") DO UPDATE SET "raw_from" = EXCLUDED."raw_from"
        WHERE r."raw_from" < EXCLUDED."raw_from";
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    LOCK TABLE ONLY "events", ONLY "user_type_days", ONLY "user_days" IN ACCESS EXCLUSIVE MODE;
    FOR "child" IN
        SELECT c.relname AS "name", i.inhparent = 'events'::REGCLASS AS "raw"
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('events'::REGCLASS, 'user_type_days'::REGCLASS, 'user_days'::REGCLASS)
            AND to_date(substring(c.relname::TEXT FROM '_y(\d+m\d{2})$'), 'YYYY"m"MM') < "keep_from"
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', "child"."name");
        "dropped" := "dropped" + "child"."raw"::INTEGER;
    END LOOP;
    -- The default partitions stay empty; should they hold something all the same, it goes too.
    DELETE FROM "events_default" WHERE "occurred_at" < "keep_from_instant";
    DELETE FROM "user_type_days_default" WHERE "day" < "keep_from";
    DELETE FROM "user_days_default" WHERE "day" < "keep_from";
    RETURN "dropped";
END
$$;
