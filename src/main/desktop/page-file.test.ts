import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isPageAddress, pageFile } from './page-file.ts'

const folder = join('/', 'app', 'renderer')

describe('files of the page', () => {
  test('the page, its scripts and styles are found below the folder', () => {
    expect(pageFile(folder, 'app://switchboard/index.html')).toEqual({
      path: join(folder, 'index.html'),
      mediaType: 'text/html; charset=utf-8',
    })
    expect(pageFile(folder, 'app://switchboard/assets/index-Ab_3.js?x#y')).toEqual({
      path: join(folder, 'assets', 'index-Ab_3.js'),
      mediaType: 'text/javascript; charset=utf-8',
    })
  })

  test.each([
    'app://switchboard/',
    'app://switchboard',
    'app://switchboard/assets/',
    'app://switchboard//etc/passwd',
    'app://switchboard/..%2fsecrets.js',
    'app://switchboard/..%5csecrets.js',
    'app://switchboard/assets%2findex.js/../x.js%00.png',
    'app://switchboard/.env.js',
    'app://switchboard/index.html%00',
    'app://switchboard/%ff.js',
    'app://switchboard/index.js.map',
    'app://switchboard/C:/x.js',
    'app://evil/index.html',
    'app://user@switchboard/index.html',
    'file:///index.html',
    'http://switchboard/index.html',
    'nonsense',
  ])('%s names nothing', (address) => {
    expect(pageFile(folder, address)).toBeNull()
  })

  test('dots, plain or encoded, never lead out of the folder', () => {
    for (const address of [
      'app://switchboard/%2e%2e/%2E./index.js',
      'app://switchboard/../../index.js',
      'app://switchboard/assets/../index.js',
    ]) {
      expect(pageFile(folder, address)?.path).toBe(join(folder, 'index.js'))
    }
  })

  test('only our own scheme and host are our page', () => {
    expect(['app://switchboard/index.html', 'app://switchboard/index.html#/settings'].every(isPageAddress)).toBe(true)
    expect(
      [
        'about:blank',
        '',
        'app://switchboard.evil/',
        'app://switchboard:80/',
        'https://switchboard/',
        'data:text/html,x',
        'app:switchboard',
      ].some(isPageAddress),
    ).toBe(false)
  })
})
