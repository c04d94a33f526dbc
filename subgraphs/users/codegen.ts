import type { CodegenConfig } from '@graphql-codegen/cli'

// Resolver types from the SDL, into generated/ (not in git).
const config: CodegenConfig = {
  schema: 'src/**/*.graphql',
  silent: true,
  generates: {
    'generated/resolvers.ts': {
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        federation: true,
        useTypeImports: true,
        enumsAsTypes: true,
        immutableTypes: true,
        emitLegacyCommonJSImports: false,
        importExtension: '.ts',
        defaultScalarType: 'unknown',
        inputMaybeValue: 'T | null | undefined',
        maybeValue: 'T | null',
        contextType: '../src/context.ts#Context',
        scalars: {
          ID: { input: 'string', output: 'string | number | bigint' },
          DateTime: { input: 'Date', output: 'Date' },
          SafeInt: { input: 'number', output: 'number | bigint' },
        },
        mappers: {
          User: '../src/modules/user/user.ts#UserRecord',
          Store: '../src/modules/store/store.ts#StoreRecord',
          OutboxCommand: '../src/modules/command/undelivered.ts#CommandRecord',
          Erasure: '../src/modules/erasure/erasure-record.ts#ErasureRecord',
          ApiKey: '../src/modules/api-key/api-key.ts#ApiKeyRecord',
        },
      },
    },
  },
}

export default config
