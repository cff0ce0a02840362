import { expect, test } from 'vitest'
import { plainFileName } from './plain-file-name.ts'

test('keeps plain names, whatever their script', () => {
  for (const name of [
    'model.safetensors',
    'model-00001-of-00002.safetensors',
    '.hidden',
    '模型.bin',
    'a b',
    'x'.repeat(255),
  ])
    expect(plainFileName(name)).toBe(name)
})

test('refuses whatever could lead elsewhere or be shown as something else', () => {
  const names = [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    '/etc/passwd',
    'C:x',
    'x:stream',
    'a\nb',
    'a\0b',
    'x\u202etxt.exe',
    'a\u200bb',
    'CON',
    'nul.txt',
    'COM1',
    'x.',
    'x ',
    '模'.repeat(86),
    'x'.repeat(256),
    '\ud800',
    '\ufffd',
    'a\u2028b',
  ]
  expect(names.filter((name) => plainFileName(name) !== null)).toEqual([])
})
