import { Transform, type TransformCallback } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Zlib,
} from 'node:zlib'
import { DomainError } from '@user-stats/core'

const chunkSize = 65_536

type Engine = Transform & Zlib

/** Some clients send `deflate` without the zlib header (RFC 1950), which begins with its method: 8. */
const inflate = (first: Buffer): Engine =>
  ((first[0] ?? 0) & 0x0f) === 0x08 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize })
const gunzip = (): Engine => createGunzip({ chunkSize })

const engines: Readonly<Record<string, (first: Buffer) => Engine>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: () => createBrotliDecompress({ chunkSize }),
  // Every decoder must support a window of 8 MB, and no encoder may exceed it (RFC 9659).
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

/** The supported content encodings. */
export const contentEncodings: ReadonlySet<string> = new Set(Object.keys(engines))

export interface DecoderOptions {
  readonly encoding: string
  /** Maximum bytes of output. */
  readonly limit: number
  readonly tooLarge: () => DomainError
}

/**
 * Decodes one content encoding at the speed at which the result is read. Fails with `tooLarge` when the
 * output is too large, and with BAD_REQUEST when the content is invalid, truncated, or followed by other
 * data.
 */
export class Decoder extends Transform {
  readonly #options: DecoderOptions
  #engine: Engine | undefined
  /** The chunk being decoded, the offset in it, and the callback to call when it is done. */
  #work: { readonly chunk: Buffer; readonly from: number; readonly done: TransformCallback } | undefined
  #bytesOut = 0

  constructor(options: DecoderOptions) {
    super()
    this.#options = options
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#feed(chunk, done)
  }

  override _flush(done: TransformCallback): void {
    if (this.#engine === undefined) {
      done(this.#malformed())
      return
    }
    this.#engine.once('end', done).end()
  }

  override _read(size: number): void {
    this.#engine?.resume()
    super._read(size)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#engine?.destroy()
    done(error)
  }

  #feed(chunk: Buffer, done: TransformCallback): void {
    const engine = (this.#engine ??= this.#start(chunk))
    const work = { chunk, from: engine.bytesWritten, done }
    this.#work = work
    engine.write(chunk, (error) => {
      // The stream may end inside the chunk.
      if (this.#work !== work) return
      this.#work = undefined
      // Errors are reported by an event.
      if (error == null) done()
    })
  }

  #start(first: Buffer): Engine {
    const { encoding, limit, tooLarge } = this.#options
    const engine = engines[encoding]?.(first)
    if (engine === undefined) throw new Error(`no decoder for ${encoding}`)
    engine.on('data', (part: Buffer) => {
      this.#bytesOut += part.length
      if (this.#bytesOut > limit) this.destroy(tooLarge())
      else if (!this.push(part)) engine.pause()
    })
    engine.on('error', () => this.destroy(this.#malformed()))
    engine.on('end', () => {
      const work = this.#work
      if (work === undefined) return
      this.#work = undefined
      const rest = work.chunk.subarray(engine.bytesWritten - work.from)
      // Several frames of zstd may follow each other (RFC 8878, 3.1).
      if (rest.length === 0) work.done()
      else if (encoding === 'zstd') {
        this.#engine = undefined
        this.#feed(rest, work.done)
      } else this.destroy(this.#malformed())
    })
    return engine
  }

  #malformed(): DomainError {
    return new DomainError('BAD_REQUEST', {
      message: `The request body is not valid ${this.#options.encoding}, as its content-encoding states.`,
    })
  }
}
