-- Ranges of event ids that an import has reserved for those of the previous system: the sequence is beyond them.
CREATE TABLE "imported_ids" (
    "store_id" INTEGER NOT NULL,
    "first_id" BIGINT NOT NULL,
    "last_id" BIGINT NOT NULL,
    CONSTRAINT "imported_ids_pkey" PRIMARY KEY ("store_id", "first_id")
);
COMMENT ON TABLE "imported_ids" IS 'Event ids reserved for those of the previous system. Serving: select';
