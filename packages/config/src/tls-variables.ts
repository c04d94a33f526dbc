import { parsers } from './parsers.ts'

export const tlsVariables = {
  TLS_CERT: {
    schema: parsers.optionalText(),
    about:
      'Certificate with its chain, PEM: enables TLS (1.2 or newer) on all ports, without plain HTTP. Given as a file, a renewed one is used without a restart.',
    default: '(none)',
  },
  TLS_KEY: {
    schema: parsers.optionalText(),
    about: 'Private key of that certificate, PEM, unencrypted.',
    default: '(none)',
    secret: true,
  },
} as const
