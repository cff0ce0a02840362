/** The bad inputs of the fake's suite again, with the real engine behind the door. */
import { threatsSuite } from '../http/testing/threats-suite.ts'
import { startRealEndpoint } from './real-endpoint.ts'

threatsSuite(startRealEndpoint)
