ALTER TABLE "revoked_keys" ADD COLUMN "effective_at" TIMESTAMPTZ(3);
