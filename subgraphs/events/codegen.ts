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
          Date: { input: 'string', output: 'string' },
          DateTime: { input: 'Date', output: 'Date' },
          JSONObject: { input: 'Record<string, unknown>', output: 'Record<string, unknown>' },
          JSONScalar: {
            input: 'string | number | boolean | null',
            output: 'string | number | boolean | null',
          },
          SafeInt: { input: 'number', output: 'number | bigint' },
        },
        mappers: {
          ApplyErasurePayload: '../src/modules/deletion/progress.ts#Progress',
          Event: '../src/modules/event/event-row.ts#EventRow',
          User: '../src/modules/user/user.service.ts#UserRef',
          Store: '../src/modules/store/store.ts#StoreRef',
        },
      },
    },
  },
}

export default config
