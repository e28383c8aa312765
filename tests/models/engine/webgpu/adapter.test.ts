import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeAdapter, vulkanDrivers } from '../../../../models/engine/webgpu/adapter.ts'

const line = (path: string) => `7f0f59610000-7f0f59620000 r-xp 00000000 08:01 1234                       ${path}`

test('Vulkan drivers are told from the loader, its layers and other libraries, each once', () => {
  const maps = [
    '7f0f59610000-7f0f59620000 rw-p 00000000 00:00 0',
    line('/usr/lib/x86_64-linux-gnu/libvulkan.so.1.3.239'),
    line('/usr/lib/x86_64-linux-gnu/libVkLayer_MESA_device_select.so'),
    line('/usr/lib/x86_64-linux-gnu/libc.so.6'),
    line('/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so'),
    line('/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so'),
    line('/opt/a folder/libvk_swiftshader.so'),
    line('/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.550.54'),
  ].join('\n')

  assert.deepEqual(vulkanDrivers(maps), ['libvulkan_radeon.so', 'libvk_swiftshader.so', 'libGLX_nvidia.so.550.54'])
  assert.deepEqual(vulkanDrivers(''), [])
})

test('a process that holds no adapter knows none', async () => {
  const { hardware, notes } = await describeAdapter()

  assert.match(hardware, /driver unknown|Metal|Direct3D/)
  assert.deepEqual(notes, [])
})
