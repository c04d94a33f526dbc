import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/**
 * The form in which PostgreSQL stores a password (RFC 5803, RFC 7677), computed here so that the password
 * itself appears in no statement and thus in no server log.
 */
export function scramVerifier(password: string): string {
  const iterations = 4096
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const serverKey = hmac('Server Key').toString('base64')
  return `SCRAM-SHA-256$${String(iterations)}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
