import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

/** @throws SwitchboardError invalid_safetensors, with the broken rule, the file and the tensor in the details. */
export function refuseSafetensors(file: string, rule: string, message: string, tensor?: string): never {
  throw new SwitchboardError('invalid_safetensors', `${file}: ${message}`, {
    details: { rule, file, ...(tensor === undefined ? {} : { tensor }) },
  })
}
