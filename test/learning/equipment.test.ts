/** Which device serves which lab, and the warnings: small card, rented card, robot steered from the cloud. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import { adviceOn, codesOf, DEVICES, type Device } from '../support/profiles.ts'

describe('the groups of equipment', () => {
  const computers: Device[] = ['laptop_cpu', 'rtx_8gb', 'rtx_12gb', 'rtx_24gb', 'cloud_gpu']
  const SERVED_BY: Record<string, Device[]> = {
    ros2_host: [...computers, 'jetson_orin', 'raspberry_pi'],
    sim_host: computers,
    rtx: ['rtx_8gb', 'rtx_12gb', 'rtx_24gb'],
    jetson: ['jetson_orin'],
    robot: ['robot_proxy', 'robot_humanoid_mini', 'robot_humanoid'],
    depth_camera: ['depth_camera'],
    microphone: ['microphone'],
  }

  it('are served by their devices and by no other, in every lesson', () => {
    for (const { id, hardware, hardwareOptional } of CATALOGUE.lessons) {
      const without = adviceOn(id, {}).score
      for (const device of DEVICES) {
        const serves = (need: string) => SERVED_BY[need]?.includes(device) ?? false
        const rented = hardware.includes('rtx') && device === 'cloud_gpu' ? 33 : 0
        const own = hardware.some((need) => ['rtx', 'jetson'].includes(need)) ? 38 : 28
        const expected = (hardware.some(serves) ? own : rented) + (hardwareOptional.some(serves) ? 4 : 0)
        assert.equal(adviceOn(id, { hardwareAccess: [device] }).score - without, expected, `${id} with ${device}`)
      }
    }
  })

  /** The lessons that show this warning to somebody with these devices. */
  const warned = (code: string, ...hardwareAccess: Device[]): string =>
    CATALOGUE.lessons
      .filter(({ id }) => codesOf(adviceOn(id, { hardwareAccess }).cautions).includes(`equipment.${code}`))
      .map(({ id }) => id)
      .join(' ')

  it('warn of a small card where a lab needs one, unless there is a bigger one', () => {
    assert.equal(warned('small', 'rtx_8gb'), 'i1 i2 i3 i4 i6 i8')
    assert.equal(warned('small', 'rtx_8gb', 'cloud_gpu'), 'i1 i2 i3 i4 i6 i8')
    for (const bigger of ['rtx_12gb', 'rtx_24gb'] as const) assert.equal(warned('small', 'rtx_8gb', bigger), '')
    for (const device of DEVICES.filter((one) => one !== 'rtx_8gb')) assert.equal(warned('small', device), '', device)
  })

  it('tell the price of a rented card where a lab needs one, unless there is an own one', () => {
    assert.equal(warned('price', 'cloud_gpu'), 'i1 i2 i3 i4 i6 i8')
    for (const own of ['rtx_8gb', 'rtx_12gb', 'rtx_24gb'] as const) assert.equal(warned('price', 'cloud_gpu', own), '')
    for (const device of DEVICES.filter((one) => one !== 'cloud_gpu')) assert.equal(warned('price', device), '', device)
  })

  it('warn of a robot steered from the cloud, where the cloud is the only card', () => {
    const robots = ['robot_proxy', 'robot_humanoid_mini', 'robot_humanoid'] as const
    for (const robot of robots) {
      assert.equal(warned('latency', robot, 'cloud_gpu'), 'i8 h2 h3 x1', robot)
      assert.equal(warned('latency', robot, 'cloud_gpu', 'laptop_cpu', 'jetson_orin'), 'i8 h2 h3 x1', robot)
      for (const card of ['rtx_8gb', 'rtx_12gb', 'rtx_24gb'] as const) {
        assert.equal(warned('latency', robot, 'cloud_gpu', card), '', `${robot} ${card}`)
      }
      assert.equal(warned('latency', robot, 'laptop_cpu'), '', robot)
    }
    const { cautions, score } = adviceOn('h3', { hardwareAccess: ['cloud_gpu', 'robot_humanoid'] })
    const text = 'Never drive a real robot from the cloud. Train in the cloud, run on the Jetson'
    assert.equal(cautions.find(({ code }) => code === 'equipment.latency')?.text, text)
    assert.equal(score, adviceOn('h3', { hardwareAccess: ['laptop_cpu', 'robot_humanoid'] }).score)
  })
})
