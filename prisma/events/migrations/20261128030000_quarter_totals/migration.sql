-- Events of a type in a quarter of an hour: hours, days, weeks and months of every time zone in use are made of whole
-- ones. `quarter` counts them from 1970 on, UTC. Rows are many and small, and written in the order of time.
CREATE TABLE "quarter_totals" (
    "store_id" INTEGER NOT NULL,
    "quarter" INTEGER NOT NULL,
    "events" INTEGER NOT NULL,
    "type" VARCHAR(128) NOT NULL,
    CONSTRAINT "quarter_totals_pkey" PRIMARY KEY ("store_id", "quarter", "type")
) WITH (fillfactor = 90);

-- How many events of the day are in `quarter_totals`. Where they are fewer than its events, the day was written by a
-- service of before and is counted anew by the service; until then its quarters are not read.
ALTER TABLE "day_totals" ADD COLUMN "quarter_events" BIGINT NOT NULL DEFAULT 0;
