module stowage.test/gunzip

go 1.22
