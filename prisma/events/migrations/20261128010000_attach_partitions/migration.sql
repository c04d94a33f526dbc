-- The partitions of a month are made as tables of their own and attached: that takes a lock (SHARE UPDATE EXCLUSIVE)
-- which neither readers nor writers hold up, and which holds up neither. A default partition would be locked against
-- its readers meanwhile, so there is none: an event without a partition is refused by the database, and its month made.
CREATE OR REPLACE FUNCTION "ensure_month"("month" DATE) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    "first" DATE := date_trunc('month', "month"::TIMESTAMP)::DATE;
    "next" DATE := (date_trunc('month', "month"::TIMESTAMP) + INTERVAL '1 month')::DATE;
    "suffix" TEXT := to_char("month", '"_y"YYYY"m"MM');
    -- Of events the bounds are instants.
    "time" TEXT;
    "parent" TEXT;
BEGIN
    IF to_regclass('user_days' || "suffix") IS NOT NULL THEN
        RETURN;
    END IF;
    -- Several replicas may want the same month at once.
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'));
    IF to_regclass('user_days' || "suffix") IS NOT NULL
        OR EXISTS (SELECT FROM "retention" WHERE "store_id" = 0 AND "raw_from" > "first") THEN
        RETURN;
    END IF;
    FOREACH "parent" IN ARRAY ARRAY['events', 'user_type_days', 'user_days'] LOOP
        "time" := CASE "parent" WHEN 'events' THEN ' 00:00:00+00' ELSE '' END;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', "parent" || "suffix", "parent");
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            "parent", "parent" || "suffix", "first" || "time", "next" || "time"
        );
    END LOOP;
END
$$;

-- Drops the oldest month of raw events and of user rows that ends by a day, and records from when on they are kept.
-- Answers how many it dropped: to be called again until there is none. The serving role may call this; it cannot drop
-- tables by itself. Whoever reads or writes goes first: writers wait for a moment, readers not at all.
CREATE OR REPLACE FUNCTION "drop_months"("older_than" DATE) RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    "keep_from" DATE := date_trunc('month', "older_than"::TIMESTAMP)::DATE;
    "oldest" DATE;
    "parent" TEXT;
BEGIN
    -- A service whose clock runs ahead must not cost data: by this server's clock the day has to have come, too.
    IF "older_than" IS NULL OR "older_than" > (now() AT TIME ZONE 'UTC')::DATE THEN
        RAISE EXCEPTION 'drop_months: % has not come yet', "older_than" USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_month'));
    SELECT min(to_date(substring(c.relname::TEXT FROM '_y(\d+m\d{2})$'), 'YYYY"m"MM')) INTO "oldest"
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'user_days'::REGCLASS;
    IF coalesce("oldest" >= "keep_from", true)
        AND EXISTS (SELECT FROM "retention" WHERE "store_id" = 0 AND "raw_from" >= "keep_from") THEN
        RETURN 0;
    END IF;
    -- Writers share this lock: none that judged its events before is still to write them.
    PERFORM pg_advisory_xact_lock(7301, 0);
    INSERT INTO "retention" AS r ("store_id", "raw_from") VALUES (0, "keep_from")
    ON CONFLICT ("store_id") DO UPDATE SET "raw_from" = EXCLUDED."raw_from"
        WHERE r."raw_from" < EXCLUDED."raw_from";
    IF coalesce("oldest" >= "keep_from", true) THEN
        RETURN 0;
    END IF;
    -- Readers of one snapshot lock these: none counts a month that goes meanwhile. Nobody waits behind this lock.
    LOCK TABLE ONLY "events", ONLY "user_type_days", ONLY "user_days" IN ACCESS EXCLUSIVE MODE NOWAIT;
    FOREACH "parent" IN ARRAY ARRAY['events', 'user_type_days', 'user_days'] LOOP
        EXECUTE format('DROP TABLE %I', "parent" || to_char("oldest", '"_y"YYYY"m"MM'));
    END LOOP;
    RETURN 1;
END
$$;

-- The default partitions are empty by design; should they hold something all the same, it moves to months of its own.
DO $$
DECLARE
    "kept_from" DATE := (SELECT "raw_from" FROM "retention" WHERE "store_id" = 0);
    "parent" TEXT;
    "month" DATE;
BEGIN
    FOREACH "parent" IN ARRAY ARRAY['events', 'user_type_days', 'user_days'] LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', "parent", "parent" || '_default');
    END LOOP;
    FOR "month" IN
        SELECT ("occurred_at" AT TIME ZONE 'UTC')::DATE FROM "events_default"
        UNION SELECT "day" FROM "user_type_days_default" UNION SELECT "day" FROM "user_days_default"
    LOOP
        PERFORM "ensure_month"("month");
    END LOOP;
    INSERT INTO "events" SELECT * FROM "events_default"
        WHERE "kept_from" IS NULL OR ("occurred_at" AT TIME ZONE 'UTC')::DATE >= "kept_from";
    INSERT INTO "user_type_days" SELECT * FROM "user_type_days_default"
        WHERE "kept_from" IS NULL OR "day" >= "kept_from";
    INSERT INTO "user_days" SELECT * FROM "user_days_default" WHERE "kept_from" IS NULL OR "day" >= "kept_from";
    DROP TABLE "events_default", "user_type_days_default", "user_days_default";
END
$$;
