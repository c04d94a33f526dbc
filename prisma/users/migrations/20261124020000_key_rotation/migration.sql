-- A new key is published before it signs, so that every verifier knows it by then.
ALTER TABLE "signing_keys" ADD COLUMN "signs_from" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;
UPDATE "signing_keys" SET "signs_from" = "created_at";
