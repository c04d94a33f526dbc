-- Keys that may be published: they record events of one store from pages of some origins, and nothing else.
ALTER TYPE "role" ADD VALUE 'WRITER';
ALTER TABLE "api_keys"
    ADD COLUMN "allowed_origins" TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN "allowed_types" TEXT[] NOT NULL DEFAULT '{}';
-- Compared as text: a new value of an enum may not be used in the transaction that adds it.
ALTER TABLE "api_keys"
    DROP CONSTRAINT "api_keys_store_check",
    ADD CONSTRAINT "api_keys_store_check" CHECK (CASE "role"::TEXT
        WHEN 'STORE' THEN "store_id" IS NOT NULL
        WHEN 'WRITER' THEN "store_id" IS NOT NULL
        WHEN 'ADMIN' THEN "store_id" IS NULL
        ELSE true
    END);
