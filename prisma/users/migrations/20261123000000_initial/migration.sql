CREATE TYPE "store_state" AS ENUM ('ACTIVE', 'BLOCKED', 'DELETING');
CREATE TYPE "role" AS ENUM ('STORE', 'ANALYST', 'ADMIN');
CREATE TYPE "command_kind" AS ENUM ('STORE_ACCESS', 'KEY_REVOKED', 'ERASE_USER', 'DELETE_STORE');

CREATE TABLE "stores" (
    "store_id" SERIAL NOT NULL,
    "name" VARCHAR(300) NOT NULL,
    "state" "store_state" NOT NULL DEFAULT 'ACTIVE',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "stores_pkey" PRIMARY KEY ("store_id")
);

CREATE TABLE "api_keys" (
    "id" UUID NOT NULL,
    "role" "role" NOT NULL,
    "store_id" INTEGER,
    "name" VARCHAR(300) NOT NULL,
    "prefix" VARCHAR(16) NOT NULL,
    "hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
    -- A store's key names its store, an admin's names none.
    CONSTRAINT "api_keys_store_check" CHECK (
        ("role" = 'STORE' AND "store_id" IS NOT NULL) OR ("role" = 'ADMIN' AND "store_id" IS NULL) OR "role" = 'ANALYST'
    )
);
CREATE UNIQUE INDEX "api_keys_hash_key" ON "api_keys" ("hash");
CREATE INDEX "api_keys_store_id_created_at_id_idx" ON "api_keys" ("store_id", "created_at", "id");

CREATE TABLE "signing_keys" (
    "kid" VARCHAR(64) NOT NULL,
    "public_key" TEXT NOT NULL,
    "private_key" BYTEA NOT NULL,
    "master_key_id" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),
    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("kid")
);

CREATE TABLE "wrapped_keys" (
    "purpose" VARCHAR(64) NOT NULL,
    "key" BYTEA NOT NULL,
    "master_key_id" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "wrapped_keys_pkey" PRIMARY KEY ("purpose")
);

CREATE TABLE "users" (
    "store_id" INTEGER NOT NULL,
    "id" UUID NOT NULL,
    "email_index" BYTEA NOT NULL,
    "username_index" BYTEA NOT NULL,
    "sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "users_pkey" PRIMARY KEY ("store_id", "id")
);
CREATE UNIQUE INDEX "users_store_id_email_index_key" ON "users" ("store_id", "email_index");
CREATE UNIQUE INDEX "users_store_id_username_index_key" ON "users" ("store_id", "username_index");
CREATE INDEX "users_id_idx" ON "users" ("id");

CREATE TABLE "user_keys" (
    "store_id" INTEGER NOT NULL,
    "user_id" UUID NOT NULL,
    "key" BYTEA NOT NULL,
    "master_key_id" VARCHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "user_keys_pkey" PRIMARY KEY ("store_id", "user_id")
);

CREATE TABLE "outbox" (
    "store_id" INTEGER NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "kind" "command_kind" NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "delivered_at" TIMESTAMPTZ(3),
    "result" JSONB,
    CONSTRAINT "outbox_pkey" PRIMARY KEY ("store_id", "id")
);
CREATE INDEX "outbox_delivered_at_id_idx" ON "outbox" ("delivered_at", "id");
