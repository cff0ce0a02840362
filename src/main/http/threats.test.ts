import { startFakeEndpoint } from './testing/endpoint.ts'
import { threatsSuite } from './testing/threats-suite.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Threats that only a model's tokenizer can refuse. */
const refusalOf = (logitBias: object): SwitchboardError | null =>
  Object.keys(logitBias).every((id) => Number(id) < 32_000)
    ? null
    : new SwitchboardError('invalid_request', 'A token id is not in the vocabulary.', { param: 'logit_bias' })

threatsSuite(async () => {
  const endpoint = await startFakeEndpoint()
  endpoint.replies.script = ({ parameters }) => {
    const refusal = refusalOf(parameters.logitBias ?? {})
    return refusal === null ? {} : { refusal }
  }
  return endpoint
})
