import { expect, test } from 'vitest'
import { externalAddress } from './external-address.ts'

test.each([
  'https://example.com',
  'HTTP://example.com/a?b=c#d',
  'https://例子.测试/路径',
  'http://127.0.0.1:4317/console/',
])('%s may be opened', (text) => {
  expect(externalAddress(text)?.protocol).toMatch(/^https?:$/)
})

test.each([
  'smb://host/share',
  'file:///etc/passwd',
  'ms-msdt:/id',
  'javascript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'app://switchboard/index.html',
  '\\\\host\\share',
  '//host/x',
  'https:evil',
  'https:/evil',
  ' https://example.com',
  'https://exa mple.com',
  'https://example.com/\nx',
  'java\tscript:alert(1)',
  'https://user:pass@example.com',
  'https://example.com@evil.com',
  'https://example.com\\@evil.com',
  'https://',
  'http://[',
  '',
  `https://example.com/${'a'.repeat(2000)}`,
])('%s is refused', (text) => {
  expect(externalAddress(text)).toBeNull()
})
