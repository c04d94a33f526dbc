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

/** Of clients that say `deflate` some leave out the header of zlib (RFC 1950), which begins with its method: 8. */
const inflate = (first: Buffer): Engine =>
  ((first[0] ?? 0) & 0x0f) === 0x08 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize })
const gunzip = (): Engine => createGunzip({ chunkSize })

const engines: Readonly<Record<string, (first: Buffer) => Engine>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: () => createBrotliDecompress({ chunkSize }),
  // A window of 8 MB is what every decoder has and no encoder may exceed (RFC 9659).
  zstd: () => createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

/** The content encodings there are decoders for. */
export const contentEncodings: ReadonlySet<string> = new Set(Object.keys(engines))

export interface DecoderOptions {
  readonly encoding: string
  /** Bytes that may come out. */
  readonly limit: number
  readonly tooLarge: () => DomainError
}

/**
 * Decodes one content encoding, as fast as the result is read. It fails with `tooLarge` when too much comes out, and
 * with BAD_REQUEST when the content is not of that encoding, is cut off, or is followed by something else.
 */
export class Decoder extends Transform {
  readonly #options: DecoderOptions
  #engine: Engine | undefined
  /** What the engine works on, from which of its bytes on, and who waits until it has. */
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
      // It may have ended inside the chunk.
      if (this.#work !== work) return
      this.#work = undefined
      // What goes wrong with it is an event.
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
      // Frames of zstd may follow each other (RFC 8878, 3.1).
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
      message: `The request body is not valid ${this.#options.encoding}, as content-encoding says it is.`,
    })
  }
}
