import { expect, test } from 'vitest'
import { safeUrl } from './safe-url.ts'

test('http and https are offered with their full host', () => {
  expect(safeUrl('https://shop.example:8443/a?b#c')).toEqual({
    href: 'https://shop.example:8443/a?b#c',
    host: 'shop.example:8443',
  })
  expect(safeUrl('HTTP://EXAMPLE.org')).toEqual({ href: 'http://example.org/', host: 'example.org' })
})

test.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  'smb://host/share',
  'ms-msdt:/id',
  'app://x',
  '\\\\host\\share',
  '//host/path',
  '/relative',
  '#fragment',
  'https://user:pass@host/',
  'https://',
  'mailto:a@b.c',
  '',
  undefined,
])('%j is text, not a link', (text) => {
  expect(safeUrl(text)).toBeNull()
})

test('a host that only looks like another is shown in its real form', () => {
  expect(safeUrl('https://аpple.com/')?.host).toBe('xn--pple-43d.com')
})
