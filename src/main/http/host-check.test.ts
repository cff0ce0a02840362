import { expect, test } from 'vitest'
import { allowedHosts } from './host-check.ts'

test('names stand without a port where http has it of its own', () => {
  expect([...allowedHosts(4317)]).toEqual(['127.0.0.1:4317', 'localhost:4317', '[::1]:4317'])
  expect([...allowedHosts(80)]).toEqual(['127.0.0.1:80', 'localhost:80', '[::1]:80', '127.0.0.1', 'localhost', '[::1]'])
})
