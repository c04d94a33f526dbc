ALTER TABLE "store_settings" ADD COLUMN "analyst_data_paths" JSONB;
