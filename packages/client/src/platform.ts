/** What of a browser is used, all of it absent in Node. */
interface Platform {
  readonly document?: {
    readonly visibilityState: string
    addEventListener: (type: string, listener: () => void) => void
  }
  readonly navigator?: { readonly doNotTrack?: string | null; readonly globalPrivacyControl?: boolean }
  readonly localStorage?: {
    getItem: (name: string) => string | null
    setItem: (name: string, value: string) => void
    removeItem: (name: string) => void
  }
  readonly indexedDB?: { open: (name: string, version: number) => OpenRequest }
  readonly addEventListener?: (type: string, listener: () => void) => void
}

interface Request<T = unknown> {
  readonly result: T
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}

interface OpenRequest extends Request<Database> {
  onupgradeneeded: (() => void) | null
}

export interface Database {
  createObjectStore: (name: string, options: { keyPath: string }) => unknown
  transaction: (
    name: string,
    mode: 'readonly' | 'readwrite',
  ) => { objectStore: (name: string) => ObjectStore }
}

interface ObjectStore {
  put: (value: unknown) => Request
  delete: (key: string) => Request
  clear: () => Request
  getAll: () => Request<unknown[]>
}

export const platform = globalThis as unknown as Platform

/** Local storage, which throws where the browser keeps pages from it. */
export function localStorage(): Platform['localStorage'] {
  try {
    // Node may have one too, which is not a visitor's.
    return platform.document && platform.localStorage
  } catch {
    return undefined
  }
}

/** 128 random bits. Unlike `crypto.randomUUID` also on pages without TLS. */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

export function privacySignal(): boolean {
  const { navigator } = platform
  return navigator?.globalPrivacyControl === true || navigator?.doNotTrack === '1'
}
