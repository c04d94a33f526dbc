import { expect, test } from '@jest/globals'
import { prefersHtml } from '../src/accept.ts'

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

test.each([
  browser,
  'text/html',
  'text/*',
  'TEXT/HTML;Q=0.5, application/json;q=0.4',
  'application/json;q=0, application/graphql-response+json;q=0, */*',
])('"%s" prefers the page', (accept) => {
  expect(prefersHtml(accept)).toBe(true)
})

test.each([
  undefined,
  '',
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'text/html;q=0, */*',
  'text/html;q=nonsense',
  'application/json, text/html',
  'text/html;q=0.9, application/graphql-response+json',
  'image/png',
])('"%s" does not', (accept) => {
  expect(prefersHtml(accept)).toBe(false)
})
