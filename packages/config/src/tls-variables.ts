import { kinds } from './parsers.ts'

export const tlsVariables = {
  TLS_CERT: {
    schema: kinds.optionalText(),
    about:
      'Certificate with its chain, PEM: with it the ports speak TLS (1.2 or newer) and nothing else. Given as a file, a renewed one is taken up while running.',
    default: '(none)',
  },
  TLS_KEY: {
    schema: kinds.optionalText(),
    about: 'Private key of that certificate, PEM, unencrypted.',
    default: '(none)',
    secret: true,
  },
} as const
