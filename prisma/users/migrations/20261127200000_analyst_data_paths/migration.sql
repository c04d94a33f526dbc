ALTER TABLE "stores" ADD COLUMN "analyst_data_paths" JSONB;
