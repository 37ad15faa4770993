--- The command `:Completer enable|disable|toggle|status|restart`.
local actions = {
  enable = function()
    require('completer').enable(true)
  end,
  disable = function()
    require('completer').enable(false)
  end,
  toggle = function()
    require('completer').toggle()
  end,
  status = function()
    local status = require('completer').status
    vim.notify(('completer: %s %s'):format(status.kind, status.message))
  end,
  restart = function()
    vim.lsp.enable('completer', false)
    vim.lsp.enable('completer')
  end,
}

vim.api.nvim_create_user_command('Completer', function(command)
  local action = actions[command.args]
  if action then
    action()
  else
    vim.notify('completer: no such action: ' .. command.args, vim.log.levels.ERROR)
  end
end, {
  nargs = 1,
  desc = 'Turn completions on or off, or look at the server',
  complete = function()
    return vim.tbl_keys(actions)
  end,
})
