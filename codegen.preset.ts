import type { CodegenConfig } from '@graphql-codegen/cli'

/**
 * Resolver types from the SDL of a subgraph, into generated/ (not in git).
 *
 * @param mappers the TypeScript types of objects that resolvers return, by their GraphQL type
 */
export const subgraphCodegen = (mappers: Record<string, string>): CodegenConfig => ({
  schema: ['src/**/*.graphql', '../../packages/audit-log/src/audit.graphql'],
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
        mappers,
      },
    },
  },
})
