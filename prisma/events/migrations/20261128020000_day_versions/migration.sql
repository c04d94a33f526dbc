-- The version of a store's day is another one after each change of its events; `removal` is another one after each
-- change that is more than new events. Random, so that none comes back after a restore. What is kept of a day
-- elsewhere is right exactly as long as its version is the same.
ALTER TABLE "day_totals"
    ADD COLUMN "version" UUID NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN "removal" UUID NOT NULL DEFAULT gen_random_uuid();
