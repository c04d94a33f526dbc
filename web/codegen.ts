import type { CodegenConfig } from '@graphql-codegen/cli'

/** Types of the operations that pages send, from the graph they are sent to. */
export default {
  schema: '../gateway/supergraph.graphql',
  documents: 'src/**/*.graphql',
  silent: true,
  generates: {
    'generated/graph/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        useTypeImports: true,
        importExtension: '.ts',
        strictScalars: true,
        scalars: {
          SafeInt: 'number',
          DateTime: 'string',
          Date: 'string',
          JSONObject: 'Record<string, unknown>',
          JSONScalar: 'string | number | boolean | null',
          join__DirectiveArguments: 'never',
          join__FieldSet: 'never',
          link__Import: 'never',
        },
      },
    },
  },
} satisfies CodegenConfig
