from control.fake import folder as folder
