import { createHash } from 'node:crypto'
import type { Readiness } from '../health.ts'

/** A link on the page. */
export interface Link {
  readonly href: string
  readonly name: string
  /** Its description. */
  readonly about: string
}

export interface LandingPage {
  readonly title: string
  readonly about: string
  readonly links: readonly Link[]
  readonly readiness: Readiness
}

const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --line: #d9dde3; --text: #1f2933; --muted: #55606d;
  --link: #3048c4; --good: #22702f; --bad: #b42318 }
@media (prefers-color-scheme: dark) {
  :root { --page: #10141f; --card: #1b2130; --line: #343d52; --text: #e6e9ef; --muted: #a3adbd; --link: #91a7ff;
    --good: #69db7c; --bad: #ff8787 }
}
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 42rem; margin: 0 auto; padding: 2rem 1rem 3rem }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2 }
h2 { margin: 0 0 .5rem; font-size: 1.1rem }
p { margin: 0 }
section { margin-top: 1.5rem; padding: 1rem 1.25rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card) }
ul { margin: .5rem 0 0; padding: 0; list-style: none }
li + li { margin-top: .75rem }
section.health li + li { margin-top: .25rem }
a { color: var(--link); font-weight: 600; overflow-wrap: anywhere }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px }
.state { font-weight: 600 }
.good { color: var(--good) }
.bad { color: var(--bad) }
.muted { color: var(--muted) }
`

const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#3b5bdb"/><path fill="#fff" d="M7 17h4.5v8H7zM13.75 12h4.5v13h-4.5zM20.5 7H25v18h-4.5z"/></svg>',
)}`

/** A self-contained page loads and runs nothing: text, one style and an inline icon. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The complete landing page, without scripts or other files. */
export const landingPage = ({ title, about, links, readiness }: LandingPage): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <title>${escape(title)}</title>
    <link rel="icon" href="${icon}" />
    <style>${style}</style>
  </head>
  <body>
    <main>
      <h1>${escape(title)}</h1>
      <p>${escape(about)}</p>
      <section class="health" aria-labelledby="health">
        <h2 id="health">Health</h2>
        ${healthOf(readiness)}
      </section>
      <section aria-labelledby="links">
        <h2 id="links">Where to go</h2>
        <ul>
          ${links.map(itemOf).join('\n          ')}
        </ul>
      </section>
    </main>
  </body>
</html>
`

const headlines = {
  ok: ['good', 'Healthy'],
  stopping: ['bad', 'Stopping'],
  unavailable: ['bad', 'Not healthy'],
} as const

function healthOf({ status, checks }: Readiness): string {
  const [tone, headline] = headlines[status]
  const items = Object.entries(checks).map(([name, state]) => {
    const ok = state === 'ok'
    return `<li class="${ok ? 'muted' : 'bad'}">${escape(sentenceOf(name, ok))}</li>`
  })
  return `<p class="state ${tone}">${headline}</p>
        <ul>
          ${items.join('\n          ')}
        </ul>`
}

function sentenceOf(name: string, ok: boolean): string {
  if (name === 'load')
    return ok ? 'The load is within its limits.' : 'It is overloaded: requests are refused.'
  if (name === 'database') return ok ? 'The database answers.' : 'The database does not answer.'
  return `The ${name} is ${ok ? '' : 'not '}ready.`
}

const itemOf = ({ href, name, about }: Link): string =>
  `<li><a href="${escape(href)}">${escape(name)}</a> <span class="muted">${escape(about)}</span></li>`

/** Escapes text for HTML, also within double quotes. */
export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
