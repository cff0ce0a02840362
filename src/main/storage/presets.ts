import type { ParameterOverrides, Preset } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Database, Row } from './database.ts'
import { newId } from './new-id.ts'

/** A preset that comes with the program; its name stands there in several languages, English always among them. */
export interface BuiltInPreset {
  readonly id: string
  readonly names: Readonly<Record<string, string>>
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

/** Built-in presets come with the program and cannot be changed; a person's own are stored. */
export interface PresetRepository {
  /** Built-in ones first, then one's own in the order they were made. */
  list(): readonly Preset[]
  /** @throws SwitchboardError preset_not_found. */
  get(id: string): Preset
  /**
   * Without id: a new one. @throws SwitchboardError preset_not_found (also for the id of a built-in one), name_taken.
   */
  save(preset: {
    readonly id?: string | undefined
    readonly name: string
    readonly systemPrompt: string
    readonly parameters: ParameterOverrides
  }): Preset
  remove(id: string): void
}

export function createPresetRepository(
  database: Database,
  builtIn: readonly BuiltInPreset[],
  { language, now }: { readonly language: () => string; readonly now: () => number },
): PresetRepository {
  const comeAlong = (): Preset[] => {
    const wanted = language()
    return builtIn.map(({ id, names, systemPrompt, parameters }) => ({
      id,
      name: names[wanted] ?? names['en'] ?? id,
      systemPrompt,
      parameters,
      builtIn: true,
    }))
  }
  const own = (): Preset[] => database.all('SELECT * FROM presets ORDER BY created_at, id').map(toPreset)
  const all = (): Preset[] => [...comeAlong(), ...own()]
  const get = (id: string): Preset => {
    const found = all().find((preset) => preset.id === id)
    if (found === undefined) throw new SwitchboardError('preset_not_found', `preset ${id} does not exist`)
    return found
  }
  const changeable = (id: string): Preset => {
    const preset = get(id)
    if (preset.builtIn)
      throw new SwitchboardError('preset_not_found', `${preset.name} is built in; save a copy of it instead`)
    return preset
  }
  return {
    list: all,
    get,
    save({ id, name, systemPrompt, parameters }) {
      return database.transaction(() => {
        if (all().some((other) => other.name === name && other.id !== id))
          throw new SwitchboardError('name_taken', `a preset named ${name} exists already`, { param: 'name' })
        const values = [name.toWellFormed(), systemPrompt.toWellFormed(), JSON.stringify(parameters)] as const
        if (id === undefined) {
          const made = newId()
          database.run(
            'INSERT INTO presets (id, name, system_prompt, parameters, created_at) VALUES (?, ?, ?, ?, ?)',
            made,
            ...values,
            now(),
          )
          return get(made)
        }
        changeable(id)
        database.run('UPDATE presets SET name = ?, system_prompt = ?, parameters = ? WHERE id = ?', ...values, id)
        return get(id)
      })
    },
    remove(id) {
      changeable(id)
      database.run('DELETE FROM presets WHERE id = ?', id)
    },
  }
}

function toPreset(row: Row): Preset {
  return {
    id: String(row['id']),
    name: String(row['name']),
    systemPrompt: String(row['system_prompt']),
    parameters: JSON.parse(String(row['parameters'])) as ParameterOverrides,
    builtIn: false,
  }
}
