import i18next from 'i18next'
import { expect, test } from 'vitest'
import { catalogue } from '../../../shared/errors/catalogue.ts'
import { en } from './en.ts'
import { chooseLanguage, startI18n } from './i18n.ts'
import { zhCn } from './zh-cn.ts'

/** Every text with its path; arrays count by place. */
function texts(value: unknown, path = ''): readonly (readonly [string, string])[] {
  if (typeof value === 'string') return [[path, value]]
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, path === '' ? key : `${path}.${key}`))
}

const english = texts(en)
const chinese = texts(zhCn)

test('both languages have the same keys', () => {
  expect(chinese.map(([path]) => path).toSorted()).toEqual(english.map(([path]) => path).toSorted())
})

test('both languages fill in the same values', () => {
  const gaps = (list: typeof english) =>
    Object.fromEntries(
      list.map(([path, text]) => [path, [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).toSorted()]),
    )
  expect(gaps(chinese)).toEqual(gaps(english))
})

test('every error of the catalogue has words in both languages', () => {
  const codes = Object.keys(catalogue).toSorted()
  expect(Object.keys(en.errors).toSorted()).toEqual(codes)
  expect(Object.keys(zhCn.errors).toSorted()).toEqual(codes)
})

test('no text is empty, shouts or was left in English', () => {
  const same = [
    'app.name',
    'settings.keyNamePlaceholder',
    'settings.keyPlaceholder',
    'settings.version',
    'palette.languageEn',
    'palette.languageZh',
    'chat.deleteKey',
    'receipt.assistantShort',
    'inspector.topP',
    'inspector.topK',
    'inspector.minP',
  ]
  const byPath = new Map(english)
  expect([...english, ...chinese].filter(([, text]) => text.trim() === '' || /[!！]/.test(text))).toEqual([])
  expect(
    chinese.filter(([path, text]) => byPath.get(path) === text && !path.startsWith('welcome.') && !same.includes(path)),
  ).toEqual([])
})

test('one of a thing is not many', async () => {
  await startI18n('en')
  const said = () =>
    [1, 2].flatMap((count) => [
      i18next.t('settings.cores', { count, value: String(count) }),
      i18next.t('chat.cutOff', { count, value: String(count) }),
    ])
  expect(said()).toEqual(['1 core', 'Cut off at 1 token.', '2 cores', 'Cut off at 2 tokens.'])
  await i18next.changeLanguage('zh-CN')
  expect(said()).toEqual(['1 核', expect.stringContaining('1 词元'), '2 核', expect.stringContaining('2 词元')])
})

test.each([
  ['zh-CN', [], 'zh-CN'],
  ['en', ['zh-CN'], 'en'],
  ['auto', ['fr-FR', 'zh-TW', 'en'], 'zh-CN'],
  ['auto', ['de', 'en-GB'], 'en'],
  ['auto', ['de'], 'en'],
] as const)('setting %s with system %j shows %s', (setting, system, shown) => {
  expect(chooseLanguage(setting, system)).toBe(shown)
})
