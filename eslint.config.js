import { relative } from 'node:path'
import js from '@eslint/js'
import graphql from '@graphql-eslint/eslint-plugin'
import prettier from 'eslint-config-prettier'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

// One configuration for all workspaces: `eslint .` in any of them finds it here.

/** Each subgraph is a graph of its own. The plugin reads these paths from where ESLint was started. */
const sdlOf = (name) =>
  [`subgraphs/${name}`, 'packages/audit-log'].map(
    (folder) => `${relative(process.cwd(), `${import.meta.dirname}/${folder}/src`) || '.'}/**/*.graphql`,
  )
const graphQLConfig = {
  projects: { users: { schema: sdlOf('users') }, events: { schema: sdlOf('events') } },
}

export default defineConfig(
  globalIgnores(['**/generated/', '**/.turbo/', '**/.data/', '**/coverage/', 'gateway/supergraph.graphql']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Services log through pino, the stack prints through its own terminal.
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // `headers['x-request-id']` and `extensions['code']` show that the member may be missing.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // `void reply.header(…)`: Fastify's replies are thenable, and need not be awaited.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreVoidOperator: true }],
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // A leading underscore marks parameters that a signature requires but that are unused.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
      ],
    },
  },

  {
    // Tests inspect answers of many shapes like a client; `expect` checks them.
    files: ['**/test/**/*.ts', 'e2e/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowAny: true, allowNumber: true }],
    },
  },

  {
    files: ['**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },

  {
    files: ['subgraphs/*/src/**/*.graphql', 'packages/audit-log/src/*.graphql'],
    plugins: { '@graphql-eslint': graphql },
    extends: [graphql.configs['flat/schema-recommended']],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig } },
    rules: {
      '@graphql-eslint/description-style': ['error', { style: 'inline' }],
      // Describe nouns and their operations. Self-explanatory members need no sentence; an input or a payload
      // is described by its mutation, a connection by its list, an entity where it is defined.
      // (The option `rootField` overlooks graphs with more than one root.)
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          FieldDefinition: true,
          ignoredSelectors: [
            '[name.value=/^(Query|Mutation)$|(Input|Payload|Connection|Edge)$/]',
            '[directives.0.name.value="key"]',
            ':not([name.value=/^(Query|Mutation)$/]) > FieldDefinition',
          ],
        },
      ],
      // An edge or a payload has no identity of its own.
      '@graphql-eslint/strict-id-in-types': 'off',
      // `User.username` is a word, no prefix.
      '@graphql-eslint/no-typename-prefix': 'off',
      // A description is for callers; a comment is for us.
      '@graphql-eslint/no-hashtag-description': 'off',
    },
  },

  prettier,
)
