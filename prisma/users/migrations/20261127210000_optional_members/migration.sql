-- An e-mail address is all that a user must have. A user may have an id of the store's own, found by a keyed hash as
-- the others are; the planner takes no samples of it.
ALTER TABLE "users"
    ALTER COLUMN "username_index" DROP NOT NULL,
    ADD COLUMN "external_id_index" BYTEA,
    ALTER COLUMN "external_id_index" SET STATISTICS 0;
CREATE UNIQUE INDEX "users_store_id_external_id_index_key" ON "users" ("store_id", "external_id_index");
