import { startFakeEndpoint } from './testing/endpoint.ts'
import { threatsSuite } from './testing/threats-suite.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** What only whoever knows the models can refuse. */
const refusalOf = (model: string, logitBias: object): SwitchboardError | null => {
  if (model !== 'demo')
    return new SwitchboardError('model_not_found', 'There is no model of this name.', { param: 'model' })
  return Object.keys(logitBias).every((id) => Number(id) < 32_000)
    ? null
    : new SwitchboardError('invalid_request', 'A token id is not in the vocabulary.', { param: 'logit_bias' })
}

threatsSuite(async () => {
  const endpoint = await startFakeEndpoint()
  endpoint.replies.script = ({ model, parameters }) => {
    const refusal = refusalOf(model, parameters.logitBias ?? {})
    return refusal === null ? {} : { refusal }
  }
  return endpoint
})
