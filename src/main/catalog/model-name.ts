import { plainFileName } from '../../shared/base/plain-file-name.ts'
import { isPlainName } from '../../shared/base/plain-name.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** A model's name is the name of its folder. @throws SwitchboardError invalid_name */
export function requireModelName(name: string): string {
  if (!isModelName(name))
    throw new SwitchboardError('invalid_name', `${JSON.stringify(name.slice(0, 80))} cannot be the name of a model`, {
      param: 'name',
    })
  return name
}

export function isModelName(name: string): boolean {
  return isPlainName(name) && plainFileName(name) !== null
}
