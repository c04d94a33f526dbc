ALTER TABLE "erasures"
    ADD COLUMN "events_total" BIGINT,
    ADD COLUMN "events_anonymised" BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN "pseudonym" VARCHAR(128),
    ADD COLUMN "erased_rows" JSONB NOT NULL DEFAULT '{}';
