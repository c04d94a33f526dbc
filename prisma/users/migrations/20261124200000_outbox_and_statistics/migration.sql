-- Nothing writes or reads it: results stand in "erasures".
ALTER TABLE "outbox" DROP COLUMN "result";

-- The planner's statistics are samples of values, which outlive the rows: in the database until the next ANALYZE, and in
-- its backups. Of what is secret, sealed or leads to a person nothing is sampled any more; lookups go by unique indexes
-- and need none. To give a column the type it has rewrites nothing, and takes away the samples there are.
ALTER TABLE "user_keys"
    ALTER COLUMN "key" SET DATA TYPE BYTEA,
    ALTER COLUMN "key" SET STATISTICS 0;
ALTER TABLE "users"
    ALTER COLUMN "sealed" SET DATA TYPE BYTEA,
    ALTER COLUMN "sealed" SET STATISTICS 0,
    ALTER COLUMN "email_index" SET DATA TYPE BYTEA,
    ALTER COLUMN "email_index" SET STATISTICS 0,
    ALTER COLUMN "username_index" SET DATA TYPE BYTEA,
    ALTER COLUMN "username_index" SET STATISTICS 0;
ALTER TABLE "api_keys"
    ALTER COLUMN "hash" SET DATA TYPE BYTEA,
    ALTER COLUMN "hash" SET STATISTICS 0;
ALTER TABLE "signing_keys"
    ALTER COLUMN "private_key" SET DATA TYPE BYTEA,
    ALTER COLUMN "private_key" SET STATISTICS 0;
ALTER TABLE "receipt_keys"
    ALTER COLUMN "private_key" SET DATA TYPE BYTEA,
    ALTER COLUMN "private_key" SET STATISTICS 0;
ALTER TABLE "wrapped_keys"
    ALTER COLUMN "key" SET DATA TYPE BYTEA,
    ALTER COLUMN "key" SET STATISTICS 0;
