module stowage.test/tool

go 1.22
