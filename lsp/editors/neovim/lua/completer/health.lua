--- `:checkhealth completer`
local M = {}

local health = vim.health

---@param program string
local function check_program(program)
  if vim.fn.executable(program) ~= 1 then
    return health.error(program .. ' is not there', 'Set `cmd` to where it is, such as .venv/bin/completer.')
  end
  local result = vim.system({ program, '--version' }, { text = true }):wait(10000)
  if result.code == 0 then
    health.ok(('%s can be started: %s'):format(program, vim.trim(result.stdout)))
  else
    health.error(program .. ' does not run', vim.trim(result.stderr))
  end
end

local function check_server()
  local completer = require('completer')
  if not completer.client() then
    return health.warn('the server does not run', 'Open a file; then see :LspLog and run `completer doctor`.')
  end
  local status = completer.status
  local told = ('the server runs: %s %s'):format(status.kind, status.message)
  if status.kind == 'Error' then
    health.error(vim.trim(told), 'Run `completer doctor` in a terminal.')
  else
    health.ok(vim.trim(told))
  end
end

--- Keys are other plugins' where these have mapped them later: then nothing is accepted by them.
---@param keys completer.Keys|false
local function check_keys(keys)
  for action, key in pairs(keys or {}) do
    local mapping = key and vim.fn.maparg(key, 'i', false, true) or {}
    if key and not vim.startswith(mapping.desc or '', 'completer:') then
      health.warn(
        ('%s (%s) is mapped by something else'):format(key, action),
        "Call require('completer').accept() from that mapping first, or choose another key; see the README."
      )
    end
  end
end

local function check_others()
  for _, name in ipairs({ 'cmp', 'blink.cmp' }) do
    if package.loaded[name] then
      health.info(name .. ' is there: while its menu has an entry selected, keys are its own')
    end
  end
end

function M.check()
  health.start('completer')
  if vim.fn.has('nvim-0.11') == 0 then
    return health.error('Neovim is too old', 'Install 0.11 or newer.')
  end
  if not vim.lsp.config.completer then
    return health.error('the plugin is not set up', "Call require('completer').setup() in your init.lua.")
  end
  local options = require('completer').options
  check_program(options.cmd[1])
  check_server()
  check_keys(options.keys)
  check_others()
end

return M
