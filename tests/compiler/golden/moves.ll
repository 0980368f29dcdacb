declare <16 x i64> @llvm.masked.gather.v16i64.v16p0(<16 x ptr>, i32, <16 x i1>, <16 x i64>)
declare void @llvm.masked.store.v16i64.p0(<16 x i64>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 13
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 14
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 15
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 16
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 17
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 18
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 19
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 9
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr ptr, ptr %slots, i64 %v16
  %v18 = load ptr, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 12
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr ptr, ptr %slots, i64 %v20
  %v22 = load ptr, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 2
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 1
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr i64, ptr %rec, i64 4
  %v28 = load i64, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 8
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 6
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 7
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 11
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 10
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = getelementptr i64, ptr %rec, i64 0
  %v40 = load i64, ptr %v39, align 8, !invariant.load !0
  %v41 = getelementptr i64, ptr %rec, i64 3
  %v42 = load i64, ptr %v41, align 8, !invariant.load !0
  %v43 = getelementptr i64, ptr %rec, i64 5
  %v44 = load i64, ptr %v43, align 8, !invariant.load !0
  %v45 = mul i64 %begin, %v2
  %v46 = mul i64 %end, %v2
  %v47 = icmp slt i64 %v46, %v4
  %v48 = select i1 %v47, i64 %v46, i64 %v4
  %v49 = icmp slt i64 %v45, %v48
  br i1 %v49, label %start3, label %finished2
start3:
  %v50 = udiv i64 %v45, %v6
  %v51 = mul i64 %v50, %v6
  %v52 = sub i64 %v45, %v51
  br label %unit1
unit1:
  %p53 = phi i64 [%v45, %start3], [%v116, %unit1]
  %p54 = phi i64 [%v52, %start3], [%v118, %unit1]
  %p55 = phi i64 [%v50, %start3], [%v117, %unit1]
  %v56 = mul i64 %p54, %v8
  %v57 = add i64 %v56, %v8
  %v58 = icmp slt i64 %v57, %v10
  %v59 = select i1 %v58, i64 %v57, i64 %v10
  %v60 = mul i64 %p55, %v26
  %v61 = add i64 %v24, %v60
  %v62 = icmp ult i64 %v61, %v42
  %v63 = mul i64 %p55, %v32
  %v64 = add i64 %v30, %v63
  %v65 = mul i64 %p55, %v38
  %v66 = add i64 %v36, %v65
  %v67 = trunc i64 %v59 to i32
  %v68 = insertelement <16 x i32> poison, i32 %v67, i64 0
  %v69 = shufflevector <16 x i32> %v68, <16 x i32> poison, <16 x i32> zeroinitializer
  %v70 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v69
  %v71 = sub i64 %v44, %v28
  %v72 = icmp slt i64 %v71, 16
  %v73 = select i1 %v72, i64 %v71, i64 16
  %v74 = icmp sgt i64 %v73, 0
  %v75 = select i1 %v74, i64 %v73, i64 0
  %v76 = trunc i64 %v75 to i32
  %v77 = insertelement <16 x i32> poison, i32 %v76, i64 0
  %v78 = shufflevector <16 x i32> %v77, <16 x i32> poison, <16 x i32> zeroinitializer
  %v79 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v78
  %v80 = sub i64 0, %v28
  %v81 = icmp slt i64 %v80, 16
  %v82 = select i1 %v81, i64 %v80, i64 16
  %v83 = icmp sgt i64 %v82, 0
  %v84 = select i1 %v83, i64 %v82, i64 0
  %v85 = trunc i64 %v84 to i32
  %v86 = insertelement <16 x i32> poison, i32 %v85, i64 0
  %v87 = shufflevector <16 x i32> %v86, <16 x i32> poison, <16 x i32> zeroinitializer
  %v88 = icmp sge <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v87
  %v89 = and <16 x i1> %v79, %v88
  %v90 = insertelement <16 x i1> poison, i1 %v62, i64 0
  %v91 = shufflevector <16 x i1> %v90, <16 x i1> poison, <16 x i32> zeroinitializer
  %v92 = and <16 x i1> %v70, %v91
  %v93 = and <16 x i1> %v92, %v89
  %v94 = mul i64 0, %v34
  %v95 = add i64 %v64, %v94
  %v96 = getelementptr i64, ptr %v18, i64 %v95
  %v97 = insertelement <16 x i64> poison, i64 %v34, i64 0
  %v98 = shufflevector <16 x i64> %v97, <16 x i64> poison, <16 x i32> zeroinitializer
  %v99 = mul <16 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15>, %v98
  %v100 = getelementptr i64, ptr %v96, <16 x i64> %v99
  %v101 = call <16 x i64> @llvm.masked.gather.v16i64.v16p0(<16 x ptr> %v100, i32 8, <16 x i1> %v93, <16 x i64> zeroinitializer)
  %v102 = insertelement <16 x i1> poison, i1 %v62, i64 0
  %v103 = shufflevector <16 x i1> %v102, <16 x i1> poison, <16 x i32> zeroinitializer
  %v104 = and <16 x i1> %v103, %v89
  %v105 = insertelement <16 x i64> poison, i64 %v40, i64 0
  %v106 = shufflevector <16 x i64> %v105, <16 x i64> poison, <16 x i32> zeroinitializer
  %v107 = select <16 x i1> %v104, <16 x i64> %v101, <16 x i64> %v106
  %v108 = getelementptr i64, ptr %v22, i64 %v66
  call void @llvm.masked.store.v16i64.p0(<16 x i64> %v107, ptr %v108, i32 8, <16 x i1> %v70)
  %v109 = add i64 %p53, 1
  %v110 = add i64 %p54, 1
  %v111 = icmp eq i64 %v110, %v6
  %v112 = select i1 %v111, i64 0, i64 %v110
  %v113 = zext i1 %v111 to i64
  %v114 = add i64 %p55, %v113
  %v115 = icmp slt i64 %v109, %v48
  %v116 = call i64 asm "", "=r,0"(i64 %v109)
  %v117 = call i64 asm "", "=r,0"(i64 %v114)
  %v118 = call i64 asm "", "=r,0"(i64 %v112)
  br i1 %v115, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
