--- `:checkhealth completer`
local M = {}

function M.check()
  local health = vim.health
  health.start('completer')
  if vim.lsp.inline_completion then
    health.ok('Neovim shows inline completions')
  else
    health.error('Neovim is too old', 'Install 0.12 or newer.')
    return
  end
  local config = vim.lsp.config.completer
  if not config then
    health.error('the plugin is not set up', "Call require('completer').setup() in your init.lua.")
    return
  end
  local program = config.cmd[1]
  if vim.fn.executable(program) == 1 then
    health.ok(program .. ' can be started')
  else
    health.error(program .. ' is not there', 'Set `cmd` to where it is, such as .venv/bin/completer.')
  end
  local clients = vim.lsp.get_clients({ name = 'completer' })
  if #clients == 0 then
    health.warn('the server does not run', 'Open a file; then see :LspLog and `completer doctor`.')
  else
    local status = require('completer').status
    health.ok(('the server runs: %s %s'):format(status.kind, status.message))
  end
end

return M
