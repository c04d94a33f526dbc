ALTER TYPE "command_kind" ADD VALUE 'STORE_SETTINGS';

ALTER TABLE "stores" ADD COLUMN "retention_days" INTEGER;
