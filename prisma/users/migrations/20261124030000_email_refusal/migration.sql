ALTER TABLE "stores" ADD COLUMN "refuse_email_like" BOOLEAN NOT NULL DEFAULT false;
