ALTER TABLE "store_settings" ADD COLUMN "refuse_email_like" BOOLEAN NOT NULL DEFAULT false;
