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
          User: '../src/modules/user/user.service.ts#UserRecord',
          Store: '../src/modules/store/store.service.ts#StoreRecord',
          OutboxCommand: '../src/outbox/undelivered.service.ts#CommandRecord',
          Erasure: '../src/modules/erasure/erasure.types.ts#ErasureRecord',
          ApiKey: '../src/modules/api-key/api-key.service.ts#ApiKeyRecord',
        },
      },
    },
  },
}

export default config
